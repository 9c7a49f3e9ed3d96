export { FileStore, type FileStoreOptions } from './file/store.ts';
export { HttpsStore, type HttpsStoreOptions } from './http/store.ts';
export { openStore } from './open.ts';
export type { StoreOptions } from './options.ts';
export type { S3Encryption, S3Settings, S3StoreOptions } from './s3/settings.ts';
export { parseStoreUrl, parseWritableStoreUrl, type StoreUrl } from './url.ts';
