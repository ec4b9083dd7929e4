;; Dot products of rows with one vector of floats, sixteen numbers at a time, for rows of 8-bit codes and for rows of floats.
;; `npm run kernel` makes products.wasm.ts of it.
(module
  (import "attune" "memory" (memory 1))

  ;; @param rows    where the first row begins: rows of `stride` signed bytes, one after another
  ;; @param stride  bytes of a row, a multiple of 4
  ;; @param count   rows
  ;; @param query   where the vector begins: `stride` 32-bit floats
  ;; @param out     where `count` 32-bit floats go
  (func (export "codes")
    (param $rows i32) (param $stride i32) (param $count i32) (param $query i32) (param $out i32)
    (local $at i32) (local $wide i32) (local $end i32) (local $last i32)
    (local $half v128)
    ;; Four sums: one would wait for the addition before it.
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local.set $wide (i32.add (local.get $query) (i32.shl (i32.and (local.get $stride) (i32.const -16)) (i32.const 2))))
    (local.set $end (i32.add (local.get $query) (i32.shl (local.get $stride) (i32.const 2))))
    (local.set $last (i32.add (local.get $out) (i32.shl (local.get $count) (i32.const 2))))
    (block $done
      (loop $row
        (br_if $done (i32.ge_u (local.get $out) (local.get $last)))
        (local.set $a (v128.const i32x4 0 0 0 0))
        (local.set $b (local.get $a))
        (local.set $c (local.get $a))
        (local.set $d (local.get $a))
        (local.set $at (local.get $query))
        (block $narrow
          (loop $sixteen
            (br_if $narrow (i32.ge_u (local.get $at) (local.get $wide)))
            (local.set $half (v128.load8x8_s (local.get $rows)))
            (local.set $a (f32x4.add (local.get $a) (f32x4.mul
              (f32x4.convert_i32x4_s (i32x4.extend_low_i16x8_s (local.get $half)))
              (v128.load (local.get $at)))))
            (local.set $b (f32x4.add (local.get $b) (f32x4.mul
              (f32x4.convert_i32x4_s (i32x4.extend_high_i16x8_s (local.get $half)))
              (v128.load offset=16 (local.get $at)))))
            (local.set $half (v128.load8x8_s offset=8 (local.get $rows)))
            (local.set $c (f32x4.add (local.get $c) (f32x4.mul
              (f32x4.convert_i32x4_s (i32x4.extend_low_i16x8_s (local.get $half)))
              (v128.load offset=32 (local.get $at)))))
            (local.set $d (f32x4.add (local.get $d) (f32x4.mul
              (f32x4.convert_i32x4_s (i32x4.extend_high_i16x8_s (local.get $half)))
              (v128.load offset=48 (local.get $at)))))
            (local.set $rows (i32.add (local.get $rows) (i32.const 16)))
            (local.set $at (i32.add (local.get $at) (i32.const 64)))
            (br $sixteen)))
        (block $summed
          (loop $four
            (br_if $summed (i32.ge_u (local.get $at) (local.get $end)))
            (local.set $a (f32x4.add (local.get $a) (f32x4.mul
              (f32x4.convert_i32x4_s (i32x4.extend_low_i16x8_s (i16x8.extend_low_i8x16_s (v128.load32_zero (local.get $rows)))))
              (v128.load (local.get $at)))))
            (local.set $rows (i32.add (local.get $rows) (i32.const 4)))
            (local.set $at (i32.add (local.get $at) (i32.const 16)))
            (br $four)))
        (local.set $a (f32x4.add (f32x4.add (local.get $a) (local.get $b)) (f32x4.add (local.get $c) (local.get $d))))
        (f32.store (local.get $out) (f32.add
          (f32.add (f32x4.extract_lane 0 (local.get $a)) (f32x4.extract_lane 1 (local.get $a)))
          (f32.add (f32x4.extract_lane 2 (local.get $a)) (f32x4.extract_lane 3 (local.get $a)))))
        (local.set $out (i32.add (local.get $out) (i32.const 4)))
        (br $row))))

  ;; As above, of rows of floats. @param width  floats of a row, a multiple of 4
  (func (export "floats")
    (param $rows i32) (param $width i32) (param $count i32) (param $query i32) (param $out i32)
    (local $at i32) (local $wide i32) (local $end i32) (local $last i32)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local.set $wide (i32.add (local.get $query) (i32.shl (i32.and (local.get $width) (i32.const -16)) (i32.const 2))))
    (local.set $end (i32.add (local.get $query) (i32.shl (local.get $width) (i32.const 2))))
    (local.set $last (i32.add (local.get $out) (i32.shl (local.get $count) (i32.const 2))))
    (block $done
      (loop $row
        (br_if $done (i32.ge_u (local.get $out) (local.get $last)))
        (local.set $a (v128.const i32x4 0 0 0 0))
        (local.set $b (local.get $a))
        (local.set $c (local.get $a))
        (local.set $d (local.get $a))
        (local.set $at (local.get $query))
        (block $narrow
          (loop $sixteen
            (br_if $narrow (i32.ge_u (local.get $at) (local.get $wide)))
            (local.set $a (f32x4.add (local.get $a)
              (f32x4.mul (v128.load (local.get $rows)) (v128.load (local.get $at)))))
            (local.set $b (f32x4.add (local.get $b)
              (f32x4.mul (v128.load offset=16 (local.get $rows)) (v128.load offset=16 (local.get $at)))))
            (local.set $c (f32x4.add (local.get $c)
              (f32x4.mul (v128.load offset=32 (local.get $rows)) (v128.load offset=32 (local.get $at)))))
            (local.set $d (f32x4.add (local.get $d)
              (f32x4.mul (v128.load offset=48 (local.get $rows)) (v128.load offset=48 (local.get $at)))))
            (local.set $rows (i32.add (local.get $rows) (i32.const 64)))
            (local.set $at (i32.add (local.get $at) (i32.const 64)))
            (br $sixteen)))
        (block $summed
          (loop $four
            (br_if $summed (i32.ge_u (local.get $at) (local.get $end)))
            (local.set $a (f32x4.add (local.get $a)
              (f32x4.mul (v128.load (local.get $rows)) (v128.load (local.get $at)))))
            (local.set $rows (i32.add (local.get $rows) (i32.const 16)))
            (local.set $at (i32.add (local.get $at) (i32.const 16)))
            (br $four)))
        (local.set $a (f32x4.add (f32x4.add (local.get $a) (local.get $b)) (f32x4.add (local.get $c) (local.get $d))))
        (f32.store (local.get $out) (f32.add
          (f32.add (f32x4.extract_lane 0 (local.get $a)) (f32x4.extract_lane 1 (local.get $a)))
          (f32.add (f32x4.extract_lane 2 (local.get $a)) (f32x4.extract_lane 3 (local.get $a)))))
        (local.set $out (i32.add (local.get $out) (i32.const 4)))
        (br $row)))))
