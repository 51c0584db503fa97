/**
 * A real browser for tests: the headless Chromium that an npm package carries, so that nothing has to be installed.
 * Where it cannot start (another processor, a system without its libraries) a test is skipped and says why; on
 * continuous integration it fails instead.
 */
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import packed from '@sparticuz/chromium'
import { type Browser, chromium } from 'playwright-core'

/** What a test of vitest hands in, to be skipped. */
interface Skippable {
  skip(reason: string): never
}

/** The reporter counts skipped tests, but does not say why. */
let told = false

/**
 * Starts the browser. The caller closes it.
 *
 * @throws {Error} It cannot start, and `CI` is set in the environment.
 */
export async function launchBrowser(context: Skippable): Promise<Browser> {
  try {
    return await launch(await unpack())
  } catch (error) {
    const reason = `Chromium cannot start here: ${reasonOf(error)}`
    if (process.env.CI !== undefined && process.env.CI !== '') throw new Error(reason, { cause: error })
    if (!told) console.warn(`Skipping the browser tests of this file. ${reason}`)
    told = true
    return context.skip(reason)
  }
}

async function launch(folder: string): Promise<Browser> {
  // Its own list of arguments is for a cloud that runs functions: a single process, and no rules about origins, which
  // are what some tests are about.
  const options = {
    executablePath: join(folder, 'chromium'),
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
    timeout: 20_000,
  }
  try {
    return await chromium.launch(options)
  } catch (error) {
    if (!String(error).includes('shared libraries')) throw error
    const libraries = join(folder, 'al2023/lib')
    return await chromium.launch({ ...options, env: { ...process.env, LD_LIBRARY_PATH: libraries } })
  }
}

/**
 * The folder with the unpacked browser. It is unpacked once for each version, aside, and moved into place whole, since
 * several tests may do so at the same time.
 */
async function unpack(): Promise<string> {
  const folder = join(tmpdir(), `millstream-chromium-${packedVersion()}`)
  if (existsSync(folder)) return folder
  const aside = mkdtempSync(`${folder}-`)
  const { TMPDIR, AWS_LAMBDA_JS_RUNTIME } = process.env
  try {
    // The package unpacks into the folder for temporary files, and its libraries only where it believes to be at home.
    process.env.TMPDIR = aside
    process.env.AWS_LAMBDA_JS_RUNTIME = 'nodejs20.x'
    await packed.executablePath()
    renameSync(aside, folder)
  } catch (error) {
    rmSync(aside, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  } finally {
    restore('TMPDIR', TMPDIR)
    restore('AWS_LAMBDA_JS_RUNTIME', AWS_LAMBDA_JS_RUNTIME)
  }
  return folder
}

function packedVersion(): string {
  const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium')
  let folder = dirname(entry)
  while (!existsSync(join(folder, 'bin'))) folder = dirname(folder)
  return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version
}

function restore(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name]
  else process.env[name] = value
}

/** What the browser itself said, or else the first line of the error. */
function reasonOf(error: unknown): string {
  const lines = String(error).split('\n')
  const said = lines.find((line) => line.includes('[err]'))?.replace(/^.*\[err\]\s*/, '')
  return (said ?? lines[0] ?? '').slice(0, 300)
}
