export declare function missing(): string[]
