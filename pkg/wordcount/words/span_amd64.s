#include "textflag.h"

// The bit of each high half of a byte in byteSet.low. From 8 on there is none.
DATA ·highBits<>+0(SB)/8, $0x8040201008040201
DATA ·highBits<>+8(SB)/8, $0
GLOBL ·highBits<>(SB), RODATA|NOPTR, $16

DATA ·lowHalf<>+0(SB)/1, $0x0f
GLOBL ·lowHalf<>(SB), RODATA|NOPTR, $1

// func spanAVX2(text *byte, n int, low *[16]byte) int
// The AVX2 version of spanGo. A byte is in the set if its two halves have a bit in common, which two
// shuffles look up: Geoff Langdale and Daniel Lemire, "Parsing gigabytes of JSON per second" (2019), 3.1.2.
TEXT ·spanAVX2(SB), NOSPLIT, $0-32
	MOVQ           text+0(FP), SI
	MOVQ           n+8(FP), CX
	MOVQ           low+16(FP), DX
	VBROADCASTI128 (DX), Y8
	VBROADCASTI128 ·highBits<>(SB), Y9
	VPBROADCASTB   ·lowHalf<>(SB), Y10
	VPXOR          Y11, Y11, Y11
	XORQ           AX, AX

block:
	VMOVDQU   (SI)(AX*1), Y0
	VPSHUFB   Y0, Y8, Y1   // nothing for a byte beyond ASCII
	VPSRLW    $4, Y0, Y0
	VPAND     Y10, Y0, Y0
	VPSHUFB   Y0, Y9, Y0
	VPAND     Y0, Y1, Y0
	VPCMPEQB  Y11, Y0, Y0
	VPMOVMSKB Y0, BX
	TESTL     BX, BX
	JNZ       found
	ADDQ      $32, AX
	CMPQ      AX, CX
	JLT       block
	MOVQ      CX, ret+24(FP)
	VZEROUPPER
	RET

found:
	BSFL BX, BX
	ADDQ BX, AX
	MOVQ AX, ret+24(FP)
	VZEROUPPER
	RET
