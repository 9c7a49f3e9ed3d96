export * from './checking.ts';
export * from './keys.ts';
export * from './links.ts';
export * from './schemes.ts';
export * from './windows.ts';
