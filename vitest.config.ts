import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const packages = fileURLToPath(new URL('./packages/', import.meta.url))

// Unit tests run from the sources; tests that start processes run what `npm run build` made.
export default defineConfig({
  resolve: {
    alias: [
      { find: /^@millstream\/(ilp-packet|ilp-plugin-[a-z-]+)$/, replacement: `${packages}compat/$1/src/index.ts` },
      { find: /^@millstream\/([a-z-]+)$/, replacement: `${packages}$1/src/index.ts` },
      { find: /^@millstream\/([a-z-]+)\/([a-z-]+)$/, replacement: `${packages}$1/src/$2/index.ts` },
    ],
  },
  test: {
    include: ['packages/**/src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 30_000,
    retry: 0,
    maxWorkers: 2,
    // Of tests that say that they may run together: each starts processes.
    maxConcurrency: 2,
  },
})
