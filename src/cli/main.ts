#!/usr/bin/env node
import { CommanderError } from 'commander'
import { exitCodeOf, wordsOf } from './exit.js'
import { makeProgram } from './program.js'

// Whoever reads may have read enough: `attune versions list | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit()
  throw error
})

try {
  await makeProgram(process.env).parseAsync()
} catch (error) {
  // The parser has said already what it found wrong.
  if (!(error instanceof CommanderError)) console.error(`attune: ${wordsOf(error)}`)
  process.exitCode = exitCodeOf(error)
}
