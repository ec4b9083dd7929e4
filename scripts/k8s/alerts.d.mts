export declare function prometheusRule(rules: string): string
