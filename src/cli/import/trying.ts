import { Event } from '../../events/event.js'
import { Item } from '../../catalog/item.js'
import { describe } from '../../platform/schema.js'
import { EventTypes } from './event-types.js'
import type { Input } from './input.js'
import type { LineProblem } from './problems.js'
import { type ReadingOptions, startReading } from './reading.js'

/**
 * Reads an input as an import would and sends nothing: each row is made, and checked by the schema of the service.
 * @param onProblem told of each row that would be refused, in their order
 */
export async function tryOut(
  input: Input,
  options: ReadingOptions,
  onProblem: (problem: LineProblem) => void,
): Promise<{ read: number; refused: number; remarks: string[]; types: EventTypes }> {
  const reading = await startReading(input, options)
  const { mapping, rows } = reading
  const schema = options.kind === 'events' ? Event : Item
  let read = 0
  let refused = 0
  const types = new EventTypes()
  const refuse = (problem: LineProblem) => {
    refused += 1
    onProblem(problem)
  }
  try {
    for await (const some of rows)
      for (const row of some) {
        read += 1
        const made = row.problem ? { problem: row.problem } : mapping.make(row)
        if ('problem' in made) {
          refuse({ line: row.line, ...made.problem })
          continue
        }
        if (options.kind === 'events') types.add(made.value.type)
        const { error } = schema.safeParse(made.value)
        if (!error) continue
        const column = mapping.columnOf(error.issues[0].path.join('.'))
        const code = options.kind === 'events' ? 'INVALID_EVENT' : 'INVALID_ITEM'
        refuse({ line: row.line, ...(column !== undefined && { column }), code, reason: describe(error) })
      }
  } finally {
    await reading.close()
  }
  return { read, refused, remarks: mapping.remarks, types }
}
