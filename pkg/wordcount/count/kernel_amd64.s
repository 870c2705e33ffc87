#include "go_asm.h"
#include "textflag.h"

// The AVX2 versions of spacesGo, cutGo, hashGo and tallyGo. They load and store
// no more than those: whole blocks, 16 bytes of every word, eight edges at once.
// The homes that hashAVX2 finds are those of mixAES.

#define EVERY(name, byte) \
	DATA name<>+0(SB)/1, $byte \
	GLOBL name<>(SB), RODATA, $1

EVERY(tab, 0x09)
EVERY(tabs, 0x04)   // up to the carriage return
EVERY(blank, 0x20)
EVERY(lead2, 0xC2)
EVERY(lead3, 0xE1)
EVERY(lead3s, 0x02) // up to E3

// MASK leaves in AX a bit for each of the 64 bytes in Y0 and Y1 that is c, or
// from low to low+span: x is if min(x-low, span), without sign, is x-low.
#define MASK(low, span, c) \
	VPSUBB    low, Y0, Y2  \
	VPSUBB    low, Y1, Y3  \
	VPMINUB   span, Y2, Y4 \
	VPMINUB   span, Y3, Y5 \
	VPCMPEQB  Y4, Y2, Y2   \
	VPCMPEQB  Y5, Y3, Y3   \
	VPCMPEQB  c, Y0, Y4    \
	VPCMPEQB  c, Y1, Y5    \
	VPOR      Y2, Y4, Y2   \
	VPOR      Y3, Y5, Y3   \
	VPMOVMSKB Y2, AX       \
	VPMOVMSKB Y3, BX       \
	SHLQ      $32, BX      \
	ORQ       BX, AX

// func spacesAVX2(buf *byte, blocks int, white, lead *uint64) (some uint64)
TEXT ·spacesAVX2(SB), NOSPLIT, $0-40
	MOVQ         buf+0(FP), SI
	MOVQ         blocks+8(FP), CX
	MOVQ         white+16(FP), DI
	MOVQ         lead+24(FP), DX
	VPBROADCASTB tab<>(SB), Y8
	VPBROADCASTB tabs<>(SB), Y9
	VPBROADCASTB blank<>(SB), Y10
	VPBROADCASTB lead3<>(SB), Y11
	VPBROADCASTB lead3s<>(SB), Y12
	VPBROADCASTB lead2<>(SB), Y13
	XORL         R8, R8

spacesBlock:
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	MASK(Y8, Y9, Y10)
	MOVQ    AX, (DI)
	MASK(Y11, Y12, Y13)
	MOVQ    AX, (DX)
	ORQ     AX, R8
	ADDQ    $64, SI
	ADDQ    $8, DI
	ADDQ    $8, DX
	DECQ    CX
	JNZ     spacesBlock

	VZEROUPPER
	MOVQ R8, some+32(FP)
	RET

DATA eight<>+0(SB)/4, $8
GLOBL eight<>(SB), RODATA, $4

// Each byte of the edge mask has its positions in a table, and all eight places
// are stored whatever their number: there is nothing to predict.
//
// func cutAVX2(white *uint64, blocks int, at uint32, last uint64, edges *uint32) (n int, ret uint64)
TEXT ·cutAVX2(SB), NOSPLIT, $0-56
	MOVQ         white+0(FP), SI
	MOVQ         blocks+8(FP), CX
	MOVL         at+16(FP), AX
	MOVQ         last+24(FP), R9
	MOVQ         edges+32(FP), DI
	MOVQ         DI, R8
	LEAQ         ·positions(SB), R12
	VMOVD        AX, X0
	VPBROADCASTD X0, Y0             // the position of the byte's first bit
	VPBROADCASTD eight<>(SB), Y1

cutBlock:
	MOVQ (SI), AX
	LEAQ (R9)(AX*2), R10
	MOVQ AX, R9
	SHRQ $63, R9
	XORQ R10, AX         // the edges
	MOVL $8, R11

cutByte:
	MOVBLZX   AX, BX
	VPMOVZXBD (R12)(BX*8), Y2
	VPADDD    Y0, Y2, Y2
	VPADDD    Y1, Y0, Y0
	VMOVDQU   Y2, (DI)
	POPCNTL   BX, BX
	LEAQ      (DI)(BX*4), DI
	SHRQ      $8, AX
	DECL      R11
	JNZ       cutByte

	ADDQ $8, SI
	DECQ CX
	JNZ  cutBlock

	VZEROUPPER
	SUBQ R8, DI
	SHRQ $2, DI
	MOVQ DI, n+40(FP)
	MOVQ R9, ret+48(FP)
	RET

// MIX hashes the key in X0 to AX. The two halves of the seed are in X2 and X3.
//
// Two rounds of AES are not enough. The first one makes a column of four bytes from
// four bytes of the key, and words can be written that differ in these four only.
// The second one makes the lowest four bytes from one byte of that column: thousands
// of words have 256 hashes. After the third no two of them have the same.
#define MIX \
	VPXOR   X2, X0, X1 \
	VAESENC X3, X1, X1 \
	VAESENC X2, X1, X1 \
	VAESENC X3, X1, X1 \
	VMOVQ   X1, AX

// func mixAES(s *seed, k key) uint64
TEXT ·mixAES(SB), NOSPLIT, $0-32
	MOVQ    s+0(FP), AX
	VMOVDQU (AX), X2
	VMOVDQU 16(AX), X3
	VMOVDQU k+8(FP), X0
	MIX
	MOVQ    AX, ret+24(FP)
	RET

// Every word is written to both lists, and stays in one: there is no branch on
// its length. Its line is fetched for the tally.
//
// func hashAVX2(b *batch, buf *byte, edges *uint32, n int, lines *line, mask uint64, s *seed) (shorts int)
TEXT ·hashAVX2(SB), NOSPLIT, $0-64
	MOVQ    b+0(FP), DI
	MOVQ    buf+8(FP), SI
	MOVQ    edges+16(FP), BX
	MOVQ    n+24(FP), CX
	MOVQ    lines+32(FP), R8
	MOVQ    mask+40(FP), R9
	LEAQ    ·fit(SB), R12
	MOVQ    s+48(FP), AX
	VMOVDQU (AX), X2
	VMOVDQU 16(AX), X3
	LEAQ    batch_short(DI), R14 // the next short word
	LEAQ    batch_long(DI), R13  // the next long one
	XORL    DI, DI               // the edge

hashWord:
	MOVL    (BX)(DI*4), R10
	MOVL    4(BX)(DI*4), R11
	SUBL    R10, R11            // the word's length
	VMOVDQU (SI)(R10*1), X0
	MOVL    R11, AX
	ANDL    $15, AX
	SHLL    $5, AX
	VPAND   (R12)(AX*1), X0, X0
	VPOR    16(R12)(AX*1), X0, X0
	VMOVDQU X0, hashed_key(R14)

	MIX
	ANDQ       R9, AX
	MOVQ       AX, hashed_home(R14)
	PREFETCHT0 (R8)(AX*1)

	MOVL DI, (R13)
	CMPL R11, $16
	SBBQ AX, AX              // -1 if the word is short, else 0
	LEAQ 4(R13)(AX*4), R13
	SHLQ $5, AX
	SUBQ AX, R14
	ADDQ $2, DI
	CMPQ DI, CX
	JLT  hashWord

	SUBQ b+0(FP), R14
	SUBQ $batch_short, R14
	SHRQ $5, R14
	MOVQ R14, shorts+56(FP)
	RET

// func tallyAVX2(b *batch, i, n int, lines *line) int
TEXT ·tallyAVX2(SB), NOSPLIT, $0-40
	MOVQ b+0(FP), DI
	MOVQ i+8(FP), SI
	MOVQ n+16(FP), CX
	MOVQ lines+24(FP), R8
	ADDQ $batch_short, DI
	SHLQ $5, SI
	SHLQ $5, CX
	JMP  tallyTest

tallyWord:
	VBROADCASTI128 hashed_key(DI)(SI*1), Y0
	MOVQ           hashed_home(DI)(SI*1), AX
	ADDQ           R8, AX
	VPCMPEQQ       line_key(AX), Y0, Y1
	VPCMPEQQ       line_key+32(AX), X0, X2
	VMOVMSKPD      Y1, R10
	VMOVMSKPD      X2, R11
	SHLL           $4, R11
	ORL            R11, R10
	MOVL           R10, R11
	SHRL           $1, R11
	ANDL           R11, R10
	ANDL           $0x15, R10             // bit 2x: key x is the word's
	JZ             tallyDone
	BSFL           R10, R10
	MOVL           line_n(AX)(R10*2), R11
	ADDL           $1, R11
	JCS            tallyDone
	MOVL           R11, line_n(AX)(R10*2)
	ADDQ           $32, SI

tallyTest:
	CMPQ SI, CX
	JLT  tallyWord

tallyDone:
	VZEROUPPER
	SHRQ $5, SI
	MOVQ SI, ret+32(FP)
	RET
