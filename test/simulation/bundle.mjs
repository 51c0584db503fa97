/**
 * Makes one module of the simulator and everything that it simulates, from the sources, so that it runs as fast as a
 * program does; on the way a mutant may put its error in.
 */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('../../', import.meta.url))
const here = fileURLToPath(new URL('.', import.meta.url))
/** Inside the repository, so that packages from outside are found from there. */
const folder = join(root, 'node_modules', '.cache', 'millstream-simulation')

/**
 * @param {string} entry - File in this folder.
 * @param {{ name: string, file: string, from: string, to: string }} [mutant] - `file` is a path from the root.
 * @returns {Promise<string>} Path of the bundle.
 */
export async function bundle(entry, mutant) {
  await mkdir(folder, { recursive: true })
  const outfile = join(folder, `${entry.replace(/\W/g, '-')}-${mutant?.name.replace(/\W/g, '-') ?? 'true'}.mjs`)
  await build({
    entryPoints: [join(here, entry)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
    logLevel: 'warning',
    plugins: [sources(mutant)],
  })
  return outfile
}

function sources(mutant) {
  return {
    name: 'sources of the workspace',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^@millstream\// }, ({ path }) => {
        const [, name, part] = path.split('/')
        return { path: join(root, 'packages', name, 'src', ...(part === undefined ? [] : [part]), 'index.ts') }
      })
      onResolve({ filter: /^[^./@]|^@noble/ }, ({ path, kind }) => {
        return kind === 'entry-point' ? undefined : { path, external: true }
      })
      if (mutant === undefined) return
      onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        if (path !== join(root, mutant.file)) return undefined
        const text = await readFile(path, 'utf8')
        if (text.split(mutant.from).length !== 2) throw new Error(`${mutant.name}: not once in ${mutant.file}`)
        return { contents: text.replace(mutant.from, () => mutant.to), loader: 'ts' }
      })
    },
  }
}
