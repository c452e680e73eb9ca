/** The suites on a real cluster: one after the other, on the installation that `main.ts` brought up. */
export default {
  testEnvironment: 'node',
  rootDir: '..',
  roots: ['<rootDir>/e2e/suites'],
  testMatch: ['**/*.e2e.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' }, sourceMaps: 'inline' },
    ],
  },
  testTimeout: 180000,
};
