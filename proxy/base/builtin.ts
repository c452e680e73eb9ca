/**
 * Modules of Node that cost memory and time at start, taken when they are first used. `import` of `node:http` reads every member of it, and some load
 * whole clients (`undici`): 90 modules and 12 MiB more than this (Node 26.9). `node:http2` is 50 modules and 9 MiB.
 */
export const nodeHttp = (): typeof import('node:http') => process.getBuiltinModule('node:http');
export const nodeHttps = (): typeof import('node:https') => process.getBuiltinModule('node:https');
export const nodeHttp2 = (): typeof import('node:http2') => process.getBuiltinModule('node:http2');
