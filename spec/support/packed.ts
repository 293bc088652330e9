/** Runs programs the way a user of the package does: from a folder of their own, through the built package. */
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** What a program did. */
export interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** An empty folder in which `sealstream` resolves to the built package, as import and as command. */
export class UserFolder {
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  static async make(): Promise<UserFolder> {
    const path = await mkdtemp(join(tmpdir(), 'sealstream-user-'))
    const bin = join(path, 'node_modules', '.bin')
    await mkdir(bin, { recursive: true })
    await symlink(ROOT, join(path, 'node_modules', 'sealstream'), 'junction')
    const command = `#!/bin/sh\nexec "${process.execPath}" "${join(ROOT, 'dist', 'cli', 'main.js')}" "$@"\n`
    await writeFile(join(bin, 'sealstream'), command, { mode: 0o755 })
    return new UserFolder(path)
  }

  /** Writes a program and runs it with this Node. */
  async runModule(name: string, source: string): Promise<Run> {
    await writeFile(join(this.path, name), source)
    return this.#run(process.execPath, [name])
  }

  /** Runs lines of shell; the first that fails ends them. */
  async runShell(lines: string): Promise<Run> {
    return this.#run('bash', ['-euo', 'pipefail', '-c', lines])
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true })
  }

  #run(command: string, args: string[]): Promise<Run> {
    const PATH = join(this.path, 'node_modules', '.bin') + delimiter + (process.env.PATH ?? '')
    const child = spawn(command, args, {
      cwd: this.path,
      // Coverage is of lib; what is built from it is not counted.
      env: { ...process.env, PATH, NODE_V8_COVERAGE: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const output = { stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
    return new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code) => resolve({ code, ...output }))
    })
  }
}
