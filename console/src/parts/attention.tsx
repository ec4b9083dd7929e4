import { Anchor } from '@mantine/core'
import { Link } from 'react-router'
import type { Attention as One } from '../contract'
import { tenantPath } from '../paths'
import classes from './attention.module.css'
import { Moment } from './moment'
import { SeverityStatus } from './status'

/** What each is called, and where something can be done about it. */
const CODES: Record<string, { title: string; page: string; link: string }> = {
  RUNS_FAILING: { title: 'Training fails', page: 'training', link: 'See the runs' },
  NO_EVENTS: { title: 'No events come', page: '', link: 'See the events' },
  EVENTS_REFUSED: { title: 'Events are refused', page: '', link: 'See the events' },
  REFUSED_VERSION_SERVED: {
    title: 'Serves a version that the gate refused',
    page: 'versions',
    link: 'See the versions',
  },
  VERSIONS_REFUSED: { title: 'The gate keeps refusing', page: 'versions', link: 'Compare versions' },
  RUN_WAITING: { title: 'A run waits for a trainer', page: 'training', link: 'See the run' },
  QUOTA_REACHED: { title: 'A quota is reached', page: 'settings', link: 'Change the quotas' },
  KEY_EXPIRING: { title: 'A key ends', page: 'keys', link: 'See the keys' },
  NOT_READY: { title: 'Too little to train on', page: '', link: 'See what is missing' },
  DRIFTED: { title: 'Far from what it was trained on', page: '', link: 'See the drift' },
  AWAITING_PROMOTION: { title: 'A version waits to be promoted', page: 'versions', link: 'See the version' },
  READY_TO_TRAIN: { title: 'Ready for its first training', page: 'training', link: 'Start it' },
}

export const attentionTitle = (code: string) => CODES[code]?.title ?? code
export const ATTENTION_CODES = Object.keys(CODES)

/** What of a tenant needs a person, each with a link to where that can be done. */
export function AttentionList({ tenant, attention }: { tenant: string; attention: One[] }) {
  return (
    <ul className={classes.list}>
      {attention.map(({ code, severity, detail }) => (
        <li key={code}>
          <SeverityStatus severity={severity}>{attentionTitle(code)}</SeverityStatus>{' '}
          <span className={classes.detail}>
            <Worded text={detail} />
          </span>{' '}
          {CODES[code] && (
            <Anchor component={Link} to={tenantPath(tenant, CODES[code].page)} underline="always">
              {CODES[code].link}
            </Anchor>
          )}
        </li>
      ))}
    </ul>
  )
}

const MOMENT = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)/

/** The service's words, with their moments in the reader's. */
export function Worded({ text }: { text: string }) {
  return (
    <>
      {text.split(MOMENT).map((part, place) =>
        // Every second part is what the pattern matched.
        place % 2 === 1 ? <Moment key={place} at={part} near={false} /> : part,
      )}
    </>
  )
}
