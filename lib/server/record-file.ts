/**
 * Small JSON files that appear whole or not at all.
 *
 * They survive the death of the process at any moment, not a power failure: nothing here is flushed to disk, because
 * this server is for development, and a flush per part would make it the bottleneck of every test.
 */
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { randomName } from './layout.js'

const CONCURRENT_READS = 64

/** True for an error saying that a file or folder is not there. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null)?.code === 'ENOENT'
}

/** Writes beside the target and renames over it. Fails with `ENOENT` when the folder is gone. */
export async function writeRecord(path: string, record: unknown): Promise<void> {
  const temporary = join(dirname(path), `.${randomName()}.part`)
  try {
    await writeFile(temporary, JSON.stringify(record), { flag: 'wx', mode: 0o600 })
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** @returns The record, or undefined when there is none. */
export async function readRecord<Kind>(path: string): Promise<Kind | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Kind
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** Reads all records of a folder whose file names match; none when there is no such folder. */
export async function readRecords<Kind>(folder: string, names: RegExp): Promise<Kind[]> {
  const matching = (await listNames(folder)).filter((name) => names.test(name))
  const found: Kind[] = []
  for (let i = 0; i < matching.length; i += CONCURRENT_READS) {
    const batch = matching.slice(i, i + CONCURRENT_READS)
    const records = await Promise.all(batch.map((name) => readRecord<Kind>(join(folder, name))))
    // One that went away since the folder was listed is simply no longer there.
    found.push(...records.filter((record) => record !== undefined))
  }
  return found
}

/** Names in a folder; none when it does not exist. */
export async function listNames(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}
