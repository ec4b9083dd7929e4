import { LineChart } from '@mantine/charts'
import { Text, Title } from '@mantine/core'
import type { Epoch } from '../contract'
import { decimal, percent } from '../numbers'
import classes from './epoch-lines.module.css'
import { ChartFrame } from './frame'

interface Props {
  epochs: Epoch[]
  /** The one that was kept; null while it is trained. */
  best: number | null
}

const orDash = (value: number | null | undefined, say: (value: number) => string) => (value == null ? '–' : say(value))
const loss = (value: number) => decimal(value, 3)

/** Training against validation by epoch: where they part, it learns by heart. */
export default function EpochLines({ epochs, best }: Props) {
  const has = (key: keyof Epoch) => epochs.some((epoch) => epoch[key] != null)
  const says = `Loss and NDCG@10 of training and validation over ${epochs.length} epochs${best === null ? '' : `; epoch ${best} was kept`}`
  const lines =
    best === null ? [] : [{ x: best, label: 'kept', color: 'gray.6', labelPosition: 'insideTopRight' as const }]
  const shared = {
    h: 200,
    data: epochs,
    dataKey: 'epoch',
    curveType: 'linear' as const,
    withLegend: true,
    legendProps: { verticalAlign: 'bottom' as const },
    withDots: epochs.length < 30,
    dotProps: { r: 2.5 },
    strokeWidth: 2,
    referenceLines: lines,
    lineProps: { isAnimationActive: false },
    connectNulls: true,
    accessibilityLayer: false,
    xAxisProps: { minTickGap: 16 },
  }
  return (
    <ChartFrame
      says={says}
      head={['Epoch', 'Loss, training', 'Loss, validation', 'NDCG@10, training', 'NDCG@10, validation']}
      rows={epochs.map(({ epoch, trainLoss, validationLoss, trainNdcg, validationNdcg }) => [
        epoch === best ? `${epoch}, kept` : epoch,
        orDash(trainLoss, loss),
        orDash(validationLoss, loss),
        orDash(trainNdcg, percent),
        orDash(validationNdcg, percent),
      ])}
    >
      <div className={classes.pair}>
        <div>
          <Title order={3}>Loss by epoch</Title>
          <Text size="xs" c="dimmed" mb={4}>
            Lower is better
          </Text>
          <LineChart
            {...shared}
            series={[
              { name: 'trainLoss', label: 'training', color: 'cyan.7' },
              ...(has('validationLoss') ? [{ name: 'validationLoss', label: 'validation', color: 'orange.6' }] : []),
            ]}
            valueFormatter={(value) => decimal(value, 2)}
            yAxisProps={{ width: 44, domain: ['auto', 'auto'], interval: 0 }}
          />
        </div>
        {(has('validationNdcg') || has('trainNdcg')) && (
          <div>
            <Title order={3}>NDCG@10 by epoch</Title>
            <Text size="xs" c="dimmed" mb={4}>
              Higher is better; of the network by itself
            </Text>
            <LineChart
              {...shared}
              series={[
                ...(has('trainNdcg') ? [{ name: 'trainNdcg', label: 'training', color: 'cyan.7' }] : []),
                { name: 'validationNdcg', label: 'validation', color: 'orange.6' },
              ]}
              valueFormatter={(value) => percent(value)}
              yAxisProps={{ width: 56, domain: ['auto', 'auto'], interval: 0 }}
            />
          </div>
        )}
      </div>
    </ChartFrame>
  )
}
