import { exactMoment, momentOf, nearMoment } from '../numbers'

/** A moment in the reader's words, with the exact one as title. `near`: by its distance from now, where it is near. */
export function Moment({ at, near = true }: { at: string | null | undefined; near?: boolean }) {
  if (!at) return <>–</>
  return (
    <time dateTime={at} title={exactMoment(at)}>
      {near ? nearMoment(at) : momentOf(at)}
    </time>
  )
}
