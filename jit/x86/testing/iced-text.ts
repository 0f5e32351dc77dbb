import { Formatter, FormatterSyntax, type Instruction as Iced, MemorySizeOptions } from 'iced-x86';

/** A formatter of iced set to write as we do, as far as it can. */
function formatter(syntax: FormatterSyntax): Formatter {
  const made = new Formatter(syntax);
  made.uppercaseHex = false;
  made.hexPrefix = '0x';
  made.hexSuffix = '';
  made.smallHexNumbersInDecimal = false;
  made.branchLeadingZeros = false;
  made.showBranchSize = false;
  made.spaceAfterOperandSeparator = true;
  made.alwaysShowScale = true;
  made.usePseudoOps = false;
  made.gasShowMnemonicSizeSuffix = true;
  made.memorySizeOptions = syntax === FormatterSyntax.Gas ? MemorySizeOptions.Default : MemorySizeOptions.Always;
  return made;
}

const intel = formatter(FormatterSyntax.Intel);
const gas = formatter(FormatterSyntax.Gas);

/** Numbers by their low bits, so that the sign does not matter; `width` is that of the operation. */
export const unsignedNumbers = (text: string, width: number): string =>
  text.replace(/(^|, |\$)(-?)0x([0-9a-f]+)(?=$|,)/g, (_, before: string, sign: string, digits: string) => {
    const value = BigInt(`0x${digits}`) * (sign === '-' ? -1n : 1n);
    return `${before}0x${BigInt.asUintN(width, value).toString(16)}`;
  });

/** Evens out what we do on purpose: zero displacements shown, lea without a size, movabs, shifts by a literal 1. */
export const comparableIntel = (text: string): string =>
  text
    .replace('+0x0]', ']')
    .replace('movabs ', 'mov ')
    .replace(/^(sh[lr]|sar) (\w+), 1$/, '$1 $2, 0x1')
    .replace(/^(lea .*, )\w+ ptr /, '$1')
    .replace(/^imul (\w+), \1, (-?0x.*)$/, 'imul $1, $2');

/** LLVM leaves out scales of one, shifts by the literal one, and suffixes of what has only one width. */
export const comparableAtt = (text: string): string =>
  text
    .replace(/,(1)?\)/, ')')
    .replace(/^(sh[lr][lq]|sar[lq]) \$0x1, (?=%\w+$)/, '$1 ')
    .replace('leaveq', 'leave')
    .replace('xchgw %ax, %ax', 'nop')
    .replace(/^(imul\w) (\S+), (%\w+), \3$/, '$1 $2, $3')
    .replace(/%gs:(-?)0x([0-9a-f]+)/, (_, sign: string, digits: string) => {
      const value = BigInt(`0x${digits}`) * (sign === '-' ? -1n : 1n);
      return `%gs:0x${BigInt.asUintN(64, value).toString(16)}`;
    });

export const icedIntel = (iced: Iced): string => intel.format(iced);
export const icedAtt = (iced: Iced): string => gas.format(iced);
