export * from './alu';
export * from './compare';
export * from './frames';
export * from './memory';
export * from './moves';
export * from './shifts';
