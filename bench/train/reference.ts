import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { packagePath } from '../../src/platform/paths.js'

const execute = promisify(execFile)
const REQUIREMENTS = packagePath('bench', 'reference', 'requirements.txt')
// pip prints a line for each file it meets.
const OUTPUT = 64 * 2 ** 20

/**
 * Makes a Python environment for the reference.
 * @param parent folder to make it in
 * @param signal ends what is under way
 * @returns its interpreter
 * @throws Error with the reason where Python, pip or the package index can't be had
 */
export async function makePython(parent: string, signal: AbortSignal): Promise<string> {
  const folder = join(parent, 'python')
  const python = join(folder, 'bin', 'python')
  const install = (...args: string[]) =>
    execute(python, ['-m', 'pip', 'install', '--no-cache-dir', '--disable-pip-version-check', ...args], {
      maxBuffer: OUTPUT,
      signal,
    })
  try {
    await execute('python3', ['-m', 'venv', folder], { signal })
    console.log('installing PyTorch into a throw-away environment: this takes minutes and up to 6 GB under', parent)
    // A tenth of the size, where the configured index has it.
    const small = await install('--constraint', REQUIREMENTS, 'torch==2.5.1+cpu').then(
      () => true,
      () => false,
    )
    if (!small) await install('--requirement', REQUIREMENTS)
  } catch (error) {
    throw new Error(lastLine(error), { cause: error })
  }
  return python
}

function lastLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string }
  return (stderr ?? '').trim().split('\n').at(-1) || message
}
