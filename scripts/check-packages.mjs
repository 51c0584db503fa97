// Checks what no compiler checks: packages import only what their package.json names, packages for browsers import no
// `node:` module outside their `node` folder, relative imports stay inside the package, versions agree, and the lock
// file names no registry.
import fs from 'node:fs'
import path from 'node:path'

const forBrowsers = ['units', 'codec', 'ledger', 'plugin', 'btp', 'pay']
const faults = []
const version = readJson('packages/units/package.json').version

const folders = [...foldersIn('packages'), ...foldersIn('packages/compat')].filter((folder) =>
  fs.existsSync(`${folder}/package.json`),
)
for (const folder of folders) checkPackage(folder)
for (const [name, { resolved = '' }] of Object.entries(readJson('package-lock.json').packages))
  if (/^https?:/.test(resolved)) faults.push(`package-lock.json: names the registry of ${name}`)

for (const fault of faults) console.error(fault)
console.log(`${folders.length} packages checked, ${faults.length} faults`)
process.exit(faults.length === 0 ? 0 : 1)

function checkPackage(folder) {
  const manifest = readJson(`${folder}/package.json`)
  if (manifest.version !== version) faults.push(`${folder}: version ${manifest.version}, others have ${version}`)
  const named = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.peerDependencies }
  for (const [name, range] of Object.entries(named))
    if (/^(@millstream\/|millstream$)/.test(name) && range !== version)
      faults.push(`${folder}: asks for ${name} ${range}, not ${version}`)
  const used = new Set()
  for (const file of sourcesIn(`${folder}/src`)) {
    const test = /\.test\.ts$|\/testing\//.test(file)
    const inNodeFolder = file.startsWith(`${folder}/src/node/`)
    for (const [, specifier] of fs.readFileSync(file, 'utf8').matchAll(/(?:\bfrom\s+|\bimport\(\s*)'([^']+)'/g)) {
      if (specifier.startsWith('.')) {
        const target = path.normalize(path.join(path.dirname(file), specifier))
        if (!target.startsWith(`${folder}/`) && !test) faults.push(`${file}: imports ${specifier}, outside its package`)
      } else if (specifier.startsWith('node:')) {
        if (forBrowsers.includes(path.basename(folder)) && !inNodeFolder && !test)
          faults.push(`${file}: imports ${specifier}, but runs in browsers`)
      } else {
        const name = specifier
          .split('/')
          .slice(0, specifier.startsWith('@') ? 2 : 1)
          .join('/')
        used.add(name)
        if (!test && name !== manifest.name && !(name in named)) faults.push(`${file}: ${name} is not in package.json`)
      }
    }
  }
  // What a bundle leaves outside is imported by the packages in it.
  const outside = folder.startsWith('packages/compat/') ? Object.keys(manifest.dependencies ?? {}) : []
  for (const name of Object.keys(named))
    if (!used.has(name) && !outside.includes(name)) faults.push(`${folder}/package.json: ${name} is not imported`)
}

function foldersIn(parent) {
  return fs
    .readdirSync(parent, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `${parent}/${entry.name}`)
}

function sourcesIn(folder) {
  return fs
    .readdirSync(folder, { recursive: true })
    .map((name) => path.join(folder, name))
    .filter((file) => file.endsWith('.ts'))
}

function readJson(file) {
  return JSON.parse(fs.readFileSync(file, 'utf8'))
}
