export interface Stage {
  name: string
  /** Another stage, or an image. */
  from: string
  steps: { word: string; flags: Record<string, string>; rest: string }[]
}

export declare function readDockerfile(text: string): Stage[]
export declare function neededFor(name: string, stages: Stage[]): Stage[]
export declare function pairsOf(rest: string): Record<string, string>
