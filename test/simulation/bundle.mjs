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
 * @param {import('./mutants/list.ts').Mutant} [mutant]
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
        const changes = mutant.changes.filter(({ file }) => path === join(root, file))
        if (changes.length === 0) return undefined
        let contents = await readFile(path, 'utf8')
        for (const { file, from, to } of changes) {
          if (contents.split(from).length !== 2) throw new Error(`${mutant.name}: not once in ${file}`)
          contents = contents.replace(from, () => to)
        }
        return { contents, loader: 'ts' }
      })
    },
  }
}
