import { useEffect, useRef } from 'react'
import { clockOf, exactMoment } from '../numbers'
import type { LogLine } from '../run-stream'
import classes from './run-log.module.css'
import { Empty } from './states'

/** What a run said, newest at the end; it stays at the end unless the reader goes up. */
export function RunLog({ lines, live }: { lines: LogLine[]; live: boolean }) {
  const box = useRef<HTMLDivElement>(null)
  const atEnd = useRef(true)
  useEffect(() => {
    if (box.current && atEnd.current) box.current.scrollTop = box.current.scrollHeight
  }, [lines])
  if (lines.length === 0)
    return (
      <Empty title="Nothing was said yet">
        {live ? 'The run waits for a trainer.' : 'This run ended before it began.'}
      </Empty>
    )
  return (
    <div
      ref={box}
      className={classes.log}
      // What is new is told by the state above, not line by line.
      role="region"
      aria-label="Log of the run"
      tabIndex={0}
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) =>
        (atEnd.current = scrollTop + clientHeight >= scrollHeight - 8)
      }
    >
      <ol>
        {lines.map(({ at, text }, place) => (
          <li key={place}>
            <time dateTime={at} title={exactMoment(at)}>
              {clockOf(at)}
            </time>
            <span>{text}</span>
          </li>
        ))}
      </ol>
    </div>
  )
}
