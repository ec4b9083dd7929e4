/** The contract's own words: its `names` as such, and null as the form calls it. */
export function Described({ text = '' }: { text?: string }) {
  return (
    <>
      {text
        .replaceAll(/\bnull: /gi, 'Not set: ')
        .split('`')
        // Every second part stood between two of them.
        .map((part, place) => (place % 2 === 1 ? <code key={place}>{part}</code> : part))}
    </>
  )
}
