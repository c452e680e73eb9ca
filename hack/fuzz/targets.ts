import type { Target } from './target.ts';
import { clientHelloTargets } from './targets/client-hello.ts';
import { configurationTargets } from './targets/configuration.ts';
import { configurationStreamTargets } from './targets/configuration-stream.ts';
import { hpackTargets } from './targets/hpack.ts';
import { http1Targets } from './targets/http1.ts';
import { http2Targets } from './targets/http2.ts';
import { http2FrameTargets } from './targets/http2-frames.ts';

/** Every target. A new parser of hostile bytes adds its own here, from a file of its own in `targets/`. */
export const targets: readonly Target[] = [
  ...http1Targets,
  ...http2Targets,
  ...http2FrameTargets,
  ...hpackTargets,
  ...clientHelloTargets,
  ...configurationTargets,
  ...configurationStreamTargets,
];
