import { Anchor } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import type { ItemFace as Face } from '../contract'
import classes from './item-face.module.css'

interface Props {
  itemId: string
  /** Null: not in the catalogue. */
  face: Partial<Face> | null | undefined
  small?: boolean
  children?: ReactNode
}

/** An item as people see it: picture, title, price. What it says of itself is text, whatever it holds. */
export function ItemFace({ itemId, face, small, children }: Props) {
  const { title, imageUrl, url, categories = [], price } = face ?? {}
  const name = title ?? itemId
  const size = small ? 32 : 48
  return (
    <div className={classes.item}>
      <Picture key={imageUrl} url={imageUrl} name={name} size={size} />
      <div className={classes.text}>
        <div className={classes.title}>
          {isWeb(url) ? (
            <Anchor href={url} target="_blank" rel="noreferrer noopener" c="inherit">
              {name}
            </Anchor>
          ) : (
            name
          )}
        </div>
        <div className={classes.more}>
          {face === null
            ? 'not in the catalogue'
            : [title && itemId, categories.slice(0, 2).join(', '), price != null && String(price)]
                .filter(Boolean)
                .join(' · ')}
        </div>
        {children}
      </div>
    </div>
  )
}

/** A letter stands for what has no picture, or one that does not come. */
export function Picture({ url, name, size }: { url?: string | null; name: string; size: number }) {
  const [failed, setFailed] = useState(false)
  return isPicture(url) && !failed ? (
    <img
      src={url}
      alt=""
      width={size}
      height={size}
      loading="lazy"
      referrerPolicy="no-referrer"
      className={classes.picture}
      onError={() => setFailed(true)}
    />
  ) : (
    <span className={classes.none} style={{ width: size, height: size }} aria-hidden>
      {[...name.trim()][0]?.toUpperCase() ?? '?'}
    </span>
  )
}

/** Addresses come from a tenant's items: nothing of them may run here. */
const isWeb = (url: string | null | undefined): url is string => /^https?:\/\//i.test(url ?? '')
const isPicture = (url: string | null | undefined): url is string => isWeb(url) || /^data:image\//i.test(url ?? '')
