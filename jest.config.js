/** Jest runs ES modules (client-node 2 is ESM only), TypeScript through swc. See CONTRIBUTING.md. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/crds', '<rootDir>/proxy', '<rootDir>/operator', '<rootDir>/webhook', '<rootDir>/hack'],
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' }, sourceMaps: 'inline' },
    ],
  },
  testTimeout: 20000,
};
