import { registerHooks } from 'node:module';

// Started by --import: prints the files that the program loads to standard error, each once.
registerHooks({
  load(url, context, next) {
    if (url.startsWith('file:') && !url.includes('/node_modules/')) process.stderr.write(`loaded ${url}\n`);
    return next(url, context);
  },
});
