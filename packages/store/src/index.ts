export { FileStore, type FileStoreOptions } from './file-store.ts';
export { HttpsStore, type HttpsStoreOptions } from './http-store.ts';
export { openStore } from './open.ts';
export type { S3Access, S3Settings, StoreOptions } from './options.ts';
export { parseStoreUrl, type StoreUrl } from './url.ts';
