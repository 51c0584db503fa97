/**
 * A folder in which programs of 2017 find their modules: `require('ilp-packet')` gives ours or the original, as the
 * test asks, and so does the plugin. Programs are copied into it byte for byte.
 */
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export type Maker = 'ours' | 'original'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const fixtures = fileURLToPath(new URL('../fixtures/', import.meta.url))
const programs = fileURLToPath(new URL('../programs/', import.meta.url))

export const pluginName = 'ilp-plugin-payment-channel-framework'
export const escrowPluginName = 'ilp-plugin-xrp-escrow'

/** The XRP Ledger server that the tutorial's first two programs name. */
const tutorialServer = 'wss://s.altnet.rippletest.net:51233'

export interface ModuleFolder {
  readonly path: string
  remove(): Promise<void>
}

/**
 * @param maker - Whose `ilp-packet` and whose plugin. `node-fetch` and `uuid` are there in any case.
 * @param server - Of the XRP Ledger: all that is changed in the programs that pay over it.
 */
export async function layOut(
  maker: Maker,
  names = ['ilp-packet', pluginName],
  server = tutorialServer,
): Promise<ModuleFolder> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'millstream-interop-'))
  const modules = path.join(folder, 'node_modules')
  await fs.mkdir(modules)
  for (const name of names) {
    await fs.symlink(maker === 'ours' ? await ourModule(name) : await installedModule(name), path.join(modules, name))
  }
  for (const name of ['node-fetch', 'uuid']) await fs.symlink(await installedModule(name), path.join(modules, name))
  for (const name of ['shop3.js', 'tool2.js']) {
    await fs.copyFile(path.join(fixtures, 'streaming-tutorial', name), path.join(folder, name))
  }
  for (const name of ['shop2.js', 'tool.js']) {
    const program = await fs.readFile(path.join(fixtures, 'streaming-tutorial', name), 'utf8')
    await fs.writeFile(path.join(folder, name), program.replace(tutorialServer, server))
  }
  for (const name of await fs.readdir(programs)) await fs.copyFile(path.join(programs, name), path.join(folder, name))
  return {
    path: folder,
    remove: () => fs.rm(folder, { recursive: true, force: true }),
  }
}

/** The built bundle: these tests run what is shipped. */
async function ourModule(name: string): Promise<string> {
  const folder = path.join(root, 'packages/compat', name)
  await fs.access(path.join(folder, 'dist/index.cjs')).catch(() => {
    throw new Error(`packages/compat/${name} is not built: run "npm run build" first.`)
  })
  return folder
}

/** What npm installed for these tests, wherever it put it. */
async function installedModule(name: string): Promise<string> {
  for (const parent of [path.join(root, 'test/interop'), root]) {
    const folder = path.join(parent, 'node_modules', name)
    if (
      await fs.access(folder).then(
        () => true,
        () => false,
      )
    )
      return folder
  }
  throw new Error(`${name} is not installed: run "npm ci" first.`)
}
