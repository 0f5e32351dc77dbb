/** The little of Keystone's Emscripten module that the engine uses; the package ships no types. */
declare module '@alexaltea/keystone-js' {
  interface KeystoneModule {
    readonly ARCH_X86: number;
    readonly MODE_64: number;
    readonly OPT_SYNTAX: number;
    readonly OPT_SYNTAX_INTEL: number;
    readonly ERR_OK: number;
    readonly VERSION_MAJOR: number;
    readonly VERSION_MINOR: number;
    readonly VERSION_EXTRA: number;
    _malloc(size: number): number;
    ccall(name: string, returns: string, types: string[], values: (number | bigint | string)[]): number;
    getValue(address: number, type: 'i8' | 'i32' | '*'): number;
    setValue(address: number, value: number, type: 'i8' | 'i32' | '*'): void;
    strerror(code: number): string;
  }
  function MKeystone(options: { print(text: string): void; printErr(text: string): void }): Promise<KeystoneModule>;
  export = MKeystone;
}
