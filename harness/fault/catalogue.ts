import { ENCODING, ENCODING_EXCLUDED } from './encoding';
import { EXCEPTIONS } from './exceptions';
import type { Excluded, Fault } from './fault';
import { FRAME, FRAME_EXCLUDED } from './frame';
import { KERNEL_MODEL } from './kernel-model';
import { MUSEUM, MUSEUM_EXCLUDED } from './museum';
import { V3, V3_EXCLUDED } from './v3';

/** All faults, by family. */
export const FAULTS: readonly Fault[] = [...FRAME, ...EXCEPTIONS, ...ENCODING, ...MUSEUM, ...V3, ...KERNEL_MODEL];

/** What the sources list besides, with the reason why it is not here. */
export const EXCLUDED: readonly Excluded[] = [
  ...FRAME_EXCLUDED,
  ...ENCODING_EXCLUDED,
  ...MUSEUM_EXCLUDED,
  ...V3_EXCLUDED,
];

export const faultNamed = (id: string): Fault | undefined => FAULTS.find((each) => each.id === id);
