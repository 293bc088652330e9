/** The tables of `npm run timing`: each class of failures compared with each other, and with itself. */
import { quantile, selfWelch, spreadOf, welch, type Samples, type Spread } from '../support/welch.js'

/** Samples kept: all but interruptions; and the quicker half, which shows more on a busy machine. */
const SHARES = [0.95, 0.5]
const MOST_T = 4.5

/** A table: classes whose failures are compared. */
export interface Table {
  readonly title: string
  /** What is asked for by name. */
  readonly part: string
  readonly samples: number
  readonly classes: readonly TimedClass[]
  /** What is timed: it must fail. */
  readonly run: (input: readonly Buffer[]) => unknown
  /** A wrong implementation, whose classes must be found to differ. */
  readonly isControl?: boolean
}

export interface TimedClass {
  readonly name: string
  readonly isPublic: boolean
  /** The bytes of an input. */
  readonly make: () => Promise<readonly Uint8Array[]>
}

/** The classes with the first of them twice: how far the two come apart is noise. */
export function withTwin(classes: readonly TimedClass[]): TimedClass[] {
  const [first, ...others] = classes as [TimedClass, ...TimedClass[]]
  return [first, { ...first, name: `${first.name}, again` }, ...others]
}

/** What was kept of the samples of a table, and what comparing them gives. */
interface Comparison {
  /** Samples up to this percentile of all were kept. */
  readonly share: number
  /** Milliseconds: longer samples were dropped. */
  readonly most: number
  readonly spreads: readonly Spread[]
  /** Of each class with itself. */
  readonly selves: readonly number[]
  /** Of each class with each other. */
  readonly t: readonly (readonly number[])[]
  /** Numbers of the classes that must not be told apart. */
  readonly secret: readonly number[]
}

function compare({ classes }: Table, samples: Samples, share: number): Comparison {
  const secret = classes.flatMap(({ isPublic }, index) => (isPublic ? [] : [index]))
  const most = quantile(
    secret.map((index) => samples[index]!),
    share,
  )
  const spreads = samples.map((own) => spreadOf(own, most))
  const selves = secret.map((index) => Math.abs(selfWelch(samples[index]!, most)))
  const t = spreads.map((a) => spreads.map((b) => (a === b ? 0 : Math.abs(welch(a, b)))))
  return { share, most, spreads, selves, t, secret }
}

/** The numbers of a class, and of the class that differs most from it. */
function cellsOf({ spreads, t, secret }: Comparison, index: number): string[] {
  const { count, mean, variance } = spreads[index]!
  const others = secret.filter((other) => other !== index)
  const worst = others.reduce((a, b) => (t[index]![b]! > t[index]![a]! ? b : a))
  return [
    String(count).padStart(8),
    (mean * 1000).toFixed(3).padStart(10),
    (Math.sqrt(variance) * 1000).toFixed(3).padStart(9),
    t[index]![worst]!.toFixed(2).padStart(7),
    String(worst + 1).padStart(5),
  ]
}

/** One line for each class. */
function rowsOf({ classes }: Table, comparisons: readonly Comparison[]): string[] {
  const width = Math.max(...classes.map(({ name }) => name.length))
  const titles = comparisons.map(({ share }) => `  kept ${share}    mean us     sd us  most t  with`)
  const rows = classes.map(({ name, isPublic }, index) => {
    const cells = comparisons.flatMap((comparison) => cellsOf(comparison, index))
    const label = `${String(index + 1).padStart(3)}  ${name.padEnd(width)}`
    return `${label}  ${cells.join(' ')}${isPublic ? '  public' : ''}`
  })
  return [`     ${'class'.padEnd(width)}${titles.join('')}`, ...rows]
}

function largest(values: readonly number[]): string {
  const squares = values.reduce((sum, value) => sum + value ** 2, 0)
  return `${Math.max(...values).toFixed(2)} (rms ${Math.sqrt(squares / values.length).toFixed(2)})`
}

/** Prints what is to be said of one comparison. @returns Whether two classes differ. */
function summarize({ share, most, t, secret, selves }: Comparison): boolean {
  const pairs = secret.flatMap((a) => secret.filter((b) => b > a).map((b) => t[a]![b]!))
  const isDifferent = Math.max(...pairs) >= MOST_T
  const noise = `noise floor ${largest(selves)}, class 1 and its twin ${t[0]![1]!.toFixed(2)}`
  const kept = `up to ${(most * 1000).toFixed(2)} us (${share})`
  const verdict = isDifferent ? 'DIFFERENT' : 'no difference'
  console.log(`${kept}: largest |t| of ${pairs.length} pairs ${largest(pairs)}; ${noise}: ${verdict}`)
  return isDifferent
}

/** Prints a table. @returns Whether no two classes can be told apart that should not be; of a control, whether some can. */
export function report(table: Table, samples: Samples, isMatrix: boolean): boolean {
  const { title, isControl = false } = table
  console.log(
    `\n${title}${isControl ? ', which must be found different' : ''}: ${samples[0]!.length} samples per class`,
  )
  const comparisons = SHARES.map((share) => compare(table, samples, share))
  console.log(rowsOf(table, comparisons).join('\n'))
  if (isMatrix) {
    for (const { t } of comparisons) {
      for (const row of t) console.log(row.map((value) => value.toFixed(1).padStart(6)).join(''))
    }
  }
  const found = comparisons.map((comparison) => summarize(comparison))
  return isControl ? found.every(Boolean) : !found.some(Boolean)
}
