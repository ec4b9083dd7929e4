import { CloseButton, Paper } from '@mantine/core'
import { createContext, type ReactNode, useCallback, useContext, useRef, useState } from 'react'
import classes from './notices.module.css'

type Say = (text: string) => void
const Context = createContext<Say>(() => undefined)

/** Tells what was done: shown for a while, and read to whoever listens. */
export const useSay = () => useContext(Context)

const SHOWN_MS = 6000

export function Notices({ children }: { children: ReactNode }) {
  const [notices, setNotices] = useState<{ id: number; text: string }[]>([])
  const next = useRef(0)
  const close = useCallback((id: number) => setNotices((all) => all.filter((one) => one.id !== id)), [])
  const say = useCallback<Say>(
    (text) => {
      const id = next.current++
      setNotices((all) => [...all.slice(-2), { id, text }])
      setTimeout(() => close(id), SHOWN_MS)
    },
    [close],
  )
  return (
    <Context value={say}>
      {children}
      <div className={classes.notices} role="status" aria-live="polite">
        {notices.map(({ id, text }) => (
          <Paper key={id} shadow="md" className={classes.notice}>
            <span>{text}</span>
            <CloseButton size="sm" aria-label="Dismiss" onClick={() => close(id)} />
          </Paper>
        ))}
      </div>
    </Context>
  )
}
