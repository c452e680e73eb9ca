/** What readiness looks at. Functions, because all of it changes. */
export interface ReadinessSources {
  /** Undefined: held. Else a sentence. */
  readonly missingIdentity: () => string | undefined;
  readonly missingConfiguration: () => string | undefined;
  readonly listening: () => boolean;
  /** The own certificate expired and some port demands mTLS. */
  readonly expiredUnderStrict: () => boolean;
}

export interface Readiness {
  /** Sentences; empty: started. Once empty, always empty. */
  waitsFor(): readonly string[];
  readonly ready: boolean;
  readonly draining: boolean;
  drain(): void;
}

/**
 * DESIGN flow one, point 8: ready only with identity and inbound configuration; then it latches. Only drain, or an expired certificate
 * under Strict, clears it; never the operator's absence.
 */
export function createReadiness(sources: ReadinessSources): Readiness {
  let latched = false;
  let draining = false;
  const waitsFor = (): readonly string[] => {
    if (latched) return [];
    const missing = [
      sources.listening() ? undefined : 'the listeners',
      sources.missingIdentity(),
      sources.missingConfiguration(),
    ].filter((sentence) => sentence !== undefined);
    latched = missing.length === 0;
    return missing;
  };
  return {
    waitsFor,
    get ready() {
      return waitsFor().length === 0 && !draining && !sources.expiredUnderStrict();
    },
    get draining() {
      return draining;
    },
    drain() {
      draining = true;
    },
  };
}
