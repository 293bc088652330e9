// Other programs as contestants.
import { spawn, spawnSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'

/** Whether a program is installed. */
export function isInstalled(command) {
  return spawnSync('sh', ['-c', `command -v "$1"`, 'sh', command]).status === 0
}

/**
 * Runs a program to its end.
 *
 * @param options - `input` and `output` are files for its standard streams.
 * @returns Its seconds of processor time.
 */
export function runCommand(command, args, { input, output, env = {} } = {}) {
  const stdin = input === undefined ? 'ignore' : openSync(input, 'r')
  const stdout = output === undefined ? 'ignore' : openSync(output, 'w')
  return new Promise((resolve, reject) => {
    // The shell's own report of what its child took goes to a fourth stream: the program keeps its standard ones.
    const script = 'TIMEFORMAT="%U %S"; { time "$@" 2>&3; } 3>&2 2>&4'
    const child = spawn('bash', ['-c', script, 'bash', command, ...args], {
      stdio: [stdin, stdout, 'pipe', 'ignore', 'pipe'],
      env: { ...process.env, ...env },
    })
    let errors = ''
    let times = ''
    child.stderr.on('data', (text) => (errors += text))
    child.stdio[4].on('data', (text) => (times += text))
    child.on('error', reject)
    child.on('close', (code) => {
      if (typeof stdin === 'number') closeSync(stdin)
      if (typeof stdout === 'number') closeSync(stdout)
      const [user, system] = times.trim().split(' ').map(Number)
      if (code === 0) resolve({ cpuSeconds: user + system })
      else reject(new Error(`${command} ended with ${code}: ${errors}`))
    })
  })
}
