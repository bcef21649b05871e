/** The suites that need a real API server and the tools of the mesh, which take a quarter of an hour to build: `make verify-k8s`. */
import shared from '../../jest.config.js';

export default {
  ...shared,
  rootDir: '../..',
  testPathIgnorePatterns: ['/node_modules/'],
  testMatch: ['**/test/cluster/**/*.test.ts'],
};
