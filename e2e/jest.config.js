/** The suites on a real cluster: one after the other, on the installation that `main.ts` brought up. */
export default {
  testEnvironment: 'node',
  rootDir: '..',
  // real-cluster.test.ts is skipped among the unit tests: it wants an API server.
  roots: ['<rootDir>/e2e/suites', '<rootDir>/operator'],
  testMatch: ['**/*.e2e.ts', '**/real-cluster.test.ts'],
  testSequencer: '<rootDir>/e2e/sequencer.js',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' }, sourceMaps: 'inline' },
    ],
  },
  testTimeout: 180000,
};
