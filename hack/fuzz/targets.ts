import type { Target } from './target.ts';
import { http1Targets } from './targets/http1.ts';
import { http2Targets } from './targets/http2.ts';

/** Every target. A new parser of hostile bytes adds its own here, from a file of its own in `targets/`. */
export const targets: readonly Target[] = [...http1Targets, ...http2Targets];
