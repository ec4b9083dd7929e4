/**
 * Work that cleans up after itself, also where the process is told to end meanwhile: the signal counts when the work is
 * done. It may well come twice, from a terminal and by npm.
 */
export async function uninterrupted<T>(work: () => Promise<T>): Promise<T> {
  let caught: NodeJS.Signals | undefined
  const hold = (signal: NodeJS.Signals) => {
    if (!caught) console.error('attune: ends as soon as what it started is cleaned up')
    caught = signal
  }
  const signals = ['SIGINT', 'SIGTERM'] as const
  for (const signal of signals) process.on(signal, hold)
  try {
    return await work()
  } finally {
    for (const signal of signals) process.off(signal, hold)
    if (caught) process.kill(process.pid, caught)
  }
}
