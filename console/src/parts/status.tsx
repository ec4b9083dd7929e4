import {
  IconAlertTriangle,
  IconBan,
  IconCircleCheck,
  IconCircleDashed,
  IconCircleMinus,
  IconCircleX,
  IconInfoCircle,
  IconLoader,
  IconPlayerPause,
  type TablerIcon,
} from '@tabler/icons-react'
import type { ReactNode } from 'react'
import type { Attention, DriftState, Run, Serving } from '../contract'
import classes from './status.module.css'

type Tone = 'good' | 'bad' | 'warn' | 'note' | 'plain' | 'live'

/** A state: a sign and a word, never a colour alone. */
export function Status({ tone, icon: Icon, children }: { tone: Tone; icon: TablerIcon; children: ReactNode }) {
  return (
    <span className={classes.status} data-tone={tone}>
      <Icon size={15} stroke={2} aria-hidden />
      <span>{children}</span>
    </span>
  )
}

const SERVING: Record<Serving, { tone: Tone; icon: TablerIcon; says: string }> = {
  'fine-tuned': { tone: 'good', icon: IconCircleCheck, says: 'fine-tuned' },
  base: { tone: 'plain', icon: IconCircleDashed, says: 'base' },
  popular: { tone: 'plain', icon: IconCircleDashed, says: 'popular' },
}
export function ServingStatus({ serving }: { serving: Serving }) {
  const { tone, icon, says } = SERVING[serving]
  return (
    <Status tone={tone} icon={icon}>
      {says}
    </Status>
  )
}

/** How a run stands or ended, in a word or two. */
type Ended = Pick<Run, 'state' | 'outcome' | 'servedAt'>

export function RunStatus({ run }: { run: Ended }) {
  const { tone, icon, says } = runState(run)
  return (
    <Status tone={tone} icon={icon}>
      {says}
    </Status>
  )
}

function runState({ state, outcome, servedAt }: Ended): { tone: Tone; icon: TablerIcon; says: string } {
  switch (state) {
    case 'promoted':
      return { tone: 'good', icon: IconCircleCheck, says: 'promoted' }
    case 'rejected':
      // No fault: what is served was better, and goes on.
      return {
        tone: 'plain',
        icon: IconCircleMinus,
        says: servedAt ? 'refused by the gate, promoted by hand' : 'refused by the gate',
      }
    case 'failed':
      return { tone: 'bad', icon: IconCircleX, says: 'failed' }
    case 'cancelled':
      return { tone: 'plain', icon: IconBan, says: 'cancelled' }
    case 'skipped':
      if (outcome === 'awaiting-promotion' && servedAt)
        return { tone: 'good', icon: IconCircleCheck, says: 'promoted by hand' }
      return outcome === 'awaiting-promotion'
        ? { tone: 'note', icon: IconPlayerPause, says: 'waits for promotion' }
        : { tone: 'plain', icon: IconCircleDashed, says: 'skipped' }
    default:
      return { tone: 'live', icon: IconLoader, says: state }
  }
}

export function GateStatus({ decision }: { decision: 'passed' | 'rejected' }) {
  return decision === 'passed' ? (
    <Status tone="good" icon={IconCircleCheck}>
      passed
    </Status>
  ) : (
    <Status tone="plain" icon={IconCircleMinus}>
      refused
    </Status>
  )
}

const DRIFT: Record<NonNullable<DriftState>, { tone: Tone; icon: TablerIcon }> = {
  stable: { tone: 'good', icon: IconCircleCheck },
  moderate: { tone: 'note', icon: IconInfoCircle },
  strong: { tone: 'warn', icon: IconAlertTriangle },
}
export function DriftStatus({ state }: { state: DriftState }) {
  const { tone, icon } = state ? DRIFT[state] : { tone: 'plain' as const, icon: IconCircleDashed }
  return (
    <Status tone={tone} icon={icon}>
      {state ?? 'not known yet'}
    </Status>
  )
}

const SEVERITY: Record<Attention['severity'], { tone: Tone; icon: TablerIcon }> = {
  error: { tone: 'bad', icon: IconCircleX },
  warning: { tone: 'warn', icon: IconAlertTriangle },
  notice: { tone: 'note', icon: IconInfoCircle },
}
export function SeverityStatus({ severity, children }: { severity: Attention['severity']; children: ReactNode }) {
  return <Status {...SEVERITY[severity]}>{children}</Status>
}
