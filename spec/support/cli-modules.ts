/** What runs of the `sealstream` command load, made beforehand: most of the time of a short run is spent on loading. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { buildSync } from 'esbuild'
import tsBlankSpace from 'ts-blank-space'

/** The repository. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A folder that the command is run from. */
export interface CliModules {
  /** The path of the command's own module. */
  readonly main: string
  /** For a run whose V8 coverage is to be collected: a folder of its own, which does not exist yet. */
  coverageFolder(): string
  /** Hands the V8 coverage of a run that has ended on to the folder that ours goes to. */
  passOn(coverageFolder: string): void
}

let prepared: CliModules | undefined

/**
 * A folder with what `ts-blank-space/register` would make of `lib`, and with the many files of got in one; made once for
 * all runs. Loading them anew takes five times as long as the command itself, and a thread to translate them in twice.
 */
export function cliModules(): CliModules {
  return (prepared ??= prepare())
}

function prepare(): CliModules {
  const folder = mkdtempSync(join(tmpdir(), 'sealstream-cli-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  translate(join(ROOT, 'lib'), join(folder, 'lib'))
  linkPackages(join(folder, 'node_modules'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  const from = `${pathToFileURL(join(folder, 'lib')).href}/`
  let runs = 0
  return {
    main: join(folder, 'lib', 'cli', 'main.js'),
    coverageFolder: () => join(folder, `coverage-${++runs}`),
    passOn: (coverageFolder) => passOn(coverageFolder, from),
  }
}

function translate(sources: string, target: string): void {
  for (const name of readdirSync(sources, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue
    const path = join(target, name.replace(/\.ts$/, '.js'))
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, tsBlankSpace(readFileSync(join(sources, name), 'utf8')))
  }
}

function linkPackages(target: string): void {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  mkdirSync(join(target, 'got'), { recursive: true })
  for (const name of Object.keys(dependencies)) {
    if (name !== 'got') symlinkSync(join(ROOT, 'node_modules', name), join(target, name))
  }
  writeFileSync(join(target, 'got', 'package.json'), '{ "exports": "./index.mjs" }')
  buildSync({
    stdin: { contents: "export * from 'got'; export { default } from 'got'", resolveDir: ROOT },
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: {
      js: "import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)",
    },
    outfile: join(target, 'got', 'index.mjs'),
  })
}

/** Only what is about `lib`, as said of `lib` itself: blanks keep all positions. */
function passOn(coverageFolder: string, from: string): void {
  const to = process.env.NODE_V8_COVERAGE
  const lib = `${pathToFileURL(join(ROOT, 'lib')).href}/`
  for (const name of to === undefined ? [] : namesIn(coverageFolder)) {
    const { result } = JSON.parse(readFileSync(join(coverageFolder, name), 'utf8')) as {
      result: { url: string }[]
    }
    const ours = result
      .filter(({ url }) => url.startsWith(from))
      .map((script) => ({ ...script, url: lib + script.url.slice(from.length).replace(/\.js$/, '.ts') }))
    writeFileSync(join(to!, name), JSON.stringify({ result: ours }))
  }
  rmSync(coverageFolder, { recursive: true, force: true })
}

/** A process that is killed writes nothing. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
