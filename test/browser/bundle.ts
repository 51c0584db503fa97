/** Bundles a page script for a browser out of the built packages, as a web developer's bundler would. */
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/**
 * @param script - Name of a file in this folder. What it exports is `globalThis[globalName]` in the page.
 * @throws {Error} Something in it imports a module of Node.
 */
export async function bundlePage(script: string, globalName: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(script, import.meta.url))],
    bundle: true,
    platform: 'browser',
    target: 'es2022',
    format: 'iife',
    globalName,
    // Without comments, which may speak of what must not be there.
    minifyWhitespace: true,
    write: false,
    logLevel: 'silent',
  })
  return outputFiles[0]!.text
}
