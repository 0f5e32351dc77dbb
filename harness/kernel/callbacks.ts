import { type HelperCall, le64 } from './helper-call';
import type { CallbackModel } from './kernel-code';

const error = (number: number): bigint => BigInt.asUintN(64, -BigInt(number));
const E2BIG = 7;
const EINVAL = 22;
const ENOENT = 2;

/** Most rounds of bpf_loop (BPF_MAX_LOOPS). */
const MAX_LOOPS = 8n << 20n;

/** bpf_loop(): callback(index, context) until it returns something else than 0; the number of rounds. */
const loop: CallbackModel = function* ({ arguments: [rounds, callback, context, flags] }) {
  if (flags !== 0n) return error(EINVAL);
  const count = BigInt.asUintN(32, rounds!);
  if (count > MAX_LOOPS) return error(E2BIG);
  for (let i = 0n; i < count; i++) {
    const stop = yield { address: callback!, arguments: [i, context!] };
    if (stop !== 0n) return i + 1n;
  }
  return count;
};

/**
 * bpf_for_each_map_elem() over an array: callback(map, &key, value, context) until it returns something else than 0; the
 * number of elements that it saw.
 */
const forEachMapElement: CallbackModel = function* ({ arguments: [map, callback, context, flags], ...call }) {
  if (flags !== 0n) return error(EINVAL);
  const found = call.maps.find(({ pointer }) => pointer === map);
  if (!found) return error(EINVAL);
  const { count, stride } = found.elements ?? { count: 1, stride: 0 };
  for (let i = 0; i < count; i++) {
    call.memory.write(call.frame, le64(BigInt(i)));
    const value = found.value + BigInt(i * stride);
    const stop = yield { address: callback!, arguments: [map!, call.frame, value, context!] };
    if (stop !== 0n) return BigInt(i + 1);
  }
  return BigInt(count);
};

/** bpf_find_vma(): callback(task, vma, context), once, for a mapping that is always found. */
const findVma: CallbackModel = function* ({ arguments: [task, address, callback, context] }) {
  if (address === 0n) return error(ENOENT);
  yield { address: callback!, arguments: [task!, address!, context!] };
  return 0n;
};

/** Helpers that call back while they run, by name. */
export const CALLBACK_MODELS: Readonly<Record<string, CallbackModel>> = {
  bpf_loop: loop,
  bpf_for_each_map_elem: forEachMapElement,
  bpf_find_vma: findVma,
};

/** bpf_timer_set_callback(timer, callback) and the like: remembers the callback, by its address. */
export function setCallback({ arguments: [object, callback], maps, pending }: HelperCall): bigint {
  const map = maps.find(({ value, size }) => object! >= value && object! < value + BigInt(size));
  if (!map) return error(EINVAL);
  pending.set(callback!, { map: map.pointer, value: map.value });
  return 0n;
}
