// How fast is it? `npm run bench -- --help` tells what can be asked.
//
// Contestants that are `isExtra` wait for `bench:full`. Every sample is a process of its own; contestants take turns. Ratios compare samples
// of the same round. Nothing fails for being slow.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command, InvalidArgumentError } from 'commander'
import { chart, markdown, ratiosOf } from './support/report.js'
import { sampleQuestion, workFolder } from './support/sampling.js'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const GROUPS = ['core', 'shells', 'jobs']

function roundsOf(text) {
  const rounds = Number(text)
  if (Number.isInteger(rounds) && rounds >= 1) return rounds
  throw new InvalidArgumentError('It must be a whole number from 1.')
}

const values = new Command('bench')
  .description(
    'How fast is it? Some five minutes on two cores; --full takes about an hour, and goes further.',
  )
  .option('--full', 'all contestants, sizes and counts')
  .option('--filter <text>', 'only questions whose file name holds this', '')
  .option('--json <file>', 'write all samples there, for `npm run bench:compare -- A.json B.json`')
  .option('--rounds <n>', 'samples of each contestant (default: 5)', roundsOf)
  .option('--toy', 'small inputs and one round: shows that it runs, and nothing else')
  .option('--out <folder>', 'where Markdown and charts go', join(HERE, 'results'))
  .showHelpAfterError()
  .parse()
  .opts()
const mode = values.toy ? 'toy' : values.full ? 'full' : 'quick'
const rounds = values.rounds ?? (values.toy ? 1 : 5)

const files = GROUPS.flatMap((group) =>
  readdirSync(join(HERE, group))
    .filter((name) => name.endsWith('.js') && `${group}/${name}`.includes(values.filter))
    .map((name) => ({ group, file: join(HERE, group, name) })),
)
if (files.length === 0) {
  console.error(`error: no question has ${JSON.stringify(values.filter)} in its file name`)
  process.exit(1)
}

const machine = {
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: cpus().length,
  memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
  system: process.platform,
  node: process.version,
  openssl: process.versions.openssl,
}
const filter = values.filter === '' ? '' : ` --filter ${values.filter}`
const command = `node bench/run.js${mode === 'quick' ? '' : ` --${mode}`}${filter}`
const folder = workFolder()
const results = []
mkdirSync(values.out, { recursive: true })
try {
  for (const { group, file } of files) {
    const name = `${group}-${basename(file, '.js')}`
    const module = await import(file)
    const plan = {
      ...module,
      params: module.params(mode),
      contestants: Object.fromEntries(
        Object.entries(module.contestants).filter(
          ([, { isThere, isExtra = false }]) =>
            (isThere === undefined || isThere()) && !(isExtra && mode === 'quick'),
        ),
      ),
    }
    const missing = Object.entries(module.contestants)
      .filter(([, { isThere }]) => isThere !== undefined && !isThere())
      .map(([each]) => each)
    process.stderr.write(`${name}: ${module.question}\n`)
    const proof = await module.prove?.({ folder, mode, contestants: plan.contestants })
    const rows = await sampleQuestion(file, plan, {
      rounds,
      folder,
      onSample: () => process.stderr.write('.'),
    })
    process.stderr.write('\n')
    const notes = [
      ...(proof === undefined ? [] : [`Proved before: ${proof}`]),
      ...(missing.length === 0 ? [] : [`Not installed here: ${missing.join(', ')}.`]),
      ...(module.notes ?? []),
    ]
    const result = {
      name,
      question: module.question,
      unit: module.unit,
      rows,
      ratios: ratiosOf(module, rows),
      notes,
    }
    results.push(result)
    const page = markdown(result)
    console.log(page)
    const suffix = `node${process.versions.node.split('.')[0]}`
    if (mode !== 'toy') {
      const header = `${machine.cpu}, ${machine.cores} cores, ${machine.memory}, ${machine.system}; Node.js ${machine.node}, OpenSSL ${machine.openssl}; \`${command}\`, ${rounds} rounds\n\n`
      writeFileSync(
        join(values.out, `${name}-${suffix}.md`),
        `${header}${page}\n![chart](${name}-${suffix}.svg)\n`,
      )
      writeFileSync(join(values.out, `${name}-${suffix}.svg`), chart(result))
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
if (values.json !== undefined) {
  writeFileSync(values.json, JSON.stringify({ machine, command, mode, rounds, results }, undefined, 1))
}
const failures = results.flatMap(({ name, rows }) =>
  rows
    .filter(({ failure }) => failure !== undefined)
    .map(({ contestant, failure }) => `${name}: ${contestant}: ${failure}`),
)
if (failures.length > 0) {
  console.error(failures.join('\n'))
  process.exitCode = 1
}
