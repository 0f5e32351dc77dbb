import type { BoundaryChoice } from './policy';

export const none: BoundaryChoice = { name: 'none' };
