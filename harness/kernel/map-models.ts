import type { HelperCall } from './helper-call';
import type { HelperModel } from './helpers';

const ENOENT = 2n;
const E2BIG = 7n;
const EINVAL = 22n;
const error = (number: bigint): bigint => BigInt.asUintN(64, -number);

/** Address of the value that an array has for the key in r2; undefined where it has none, and for other maps. */
function find({ arguments: [map, key], maps, memory }: HelperCall): { address: bigint; bytes: number } | undefined {
  const found = maps.find(({ pointer }) => pointer === map);
  const bytes = found?.elements && found.elements.count > 0 ? memory.read(key!, 4) : null;
  if (!found?.elements || !bytes) return undefined;
  const index = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  if (index >= found.elements.count) return undefined;
  return { address: found.value + BigInt(index * found.elements.stride), bytes: found.elements.bytes };
}

/** Whether a map is one that is looked up: of any other the caller has to know what it returns. */
const isLookedUp = ({ arguments: [map], maps }: HelperCall): boolean =>
  maps.some(({ pointer, elements }) => pointer === map && elements !== undefined);

/** Copies a value into an array. */
function update(call: HelperCall): bigint {
  const found = find(call);
  if (!found) return error(E2BIG);
  const value = call.memory.read(call.arguments[2]!, found.bytes);
  if (value) call.memory.write(found.address, value);
  return 0n;
}

/** Helpers of maps that objects declare: arrays have values, others are empty and stay so. */
const MODELS: Readonly<Record<string, HelperModel>> = {
  bpf_map_lookup_elem: (call) => find(call)?.address ?? 0n,
  bpf_map_lookup_percpu_elem: (call) => find(call)?.address ?? 0n,
  bpf_map_update_elem: update,
  bpf_map_delete_elem: (call) => (find(call) ? error(EINVAL) : error(ENOENT)),
  bpf_ringbuf_reserve: () => 0n,
  bpf_ringbuf_query: () => 0n,
};

/** What the JIT is given in the place of a helper where the kind of the map is known: `__htab_map_lookup_elem`. */
const OF_KIND = /^_*(?!bpf_)\w+_map_(lookup|update|delete)_elem$/;

/** What a helper does with a map that is looked up; undefined for all others. */
export const mapModel = (call: HelperCall): HelperModel | undefined => {
  const name = call.name.replace(OF_KIND, 'bpf_map_$1_elem');
  return Object.hasOwn(MODELS, name) && isLookedUp(call) ? MODELS[name] : undefined;
};
