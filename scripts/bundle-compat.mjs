// Bundles each package of packages/compat into one CommonJS file, dist/index.cjs, so that programs of 2017 can
// `require` it whatever becomes of the packages inside. What package.json lists in `dependencies` stays outside. A
// package with a default export is that export: `new (require('…'))(options)`. Run after `tsc -b`, which writes the
// types into dist/types. Takes the names of folders; without any, all of them.
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('../', import.meta.url))
const compat = path.join(root, 'packages/compat')

const names = process.argv.length > 2 ? process.argv.slice(2) : fs.readdirSync(compat)
for (const name of names) {
  const folder = path.join(compat, name)
  if (fs.existsSync(path.join(folder, 'src/index.ts'))) await bundle(folder)
}

async function bundle(folder) {
  const manifest = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'))
  const outside = Object.keys(manifest.dependencies ?? {}).filter((name) => !name.startsWith('@millstream/'))
  const options = {
    absWorkingDir: root,
    entryPoints: [path.join(folder, 'src/index.ts')],
    bundle: true,
    platform: 'node',
    target: 'node20',
    external: outside.flatMap((name) => [name, `${name}/*`]),
    // Errors are told apart by the names of their classes.
    keepNames: true,
    legalComments: 'inline',
    logLevel: 'warning',
  }
  const names = await exportsOf(options)
  const outfile = path.join(folder, manifest.main)
  await build({
    ...options,
    format: 'cjs',
    outfile,
    ...(names.includes('default') ? { footer: { js: defaultFooter(names) } } : {}),
  })
  writeTypes(path.dirname(outfile), names)
  const size = Math.round(fs.statSync(outfile).size / 1024)
  console.log(`${manifest.name}: ${path.relative(root, outfile)}, ${size} KB`)
}

/** What the entry point exports; esbuild tells it for ES modules only. */
async function exportsOf(options) {
  const { metafile } = await build({ ...options, format: 'esm', outdir: 'out', write: false, metafile: true })
  return Object.values(metafile.outputs).flatMap((output) => output.exports)
}

function defaultFooter(names) {
  return names.length === 1
    ? 'module.exports = module.exports.default'
    : 'module.exports = Object.assign(module.exports.default, module.exports)'
}

/** Types for a CommonJS module, whatever the package itself is. */
function writeTypes(dist, names) {
  if (!fs.existsSync(path.join(dist, 'types/index.d.ts'))) return
  fs.writeFileSync(path.join(dist, 'package.json'), '{ "type": "commonjs" }\n')
  fs.writeFileSync(
    path.join(dist, 'index.d.ts'),
    names.includes('default')
      ? "import Default = require('./types/index.js')\nexport = Default.default\n"
      : "export * from './types/index.js'\n",
  )
}
