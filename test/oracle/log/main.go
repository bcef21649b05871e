// Judges logs with other people's code, for the tests: Tessera's fsck, golang.org/x/mod's note and tlog, torchwood's
// proofs and policies. Exit: 0 what was given is right, 1 it is not (why is on stderr), 2 wrong usage.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"filippo.io/torchwood"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	commands := map[string]struct {
		arguments int
		run       func([]string) error
	}{
		"fsck": {2, check}, "note": {2, open}, "proof": {3, proof}, "consistency": {3, consistency}, "vectors": {1, vectors},
	}
	if len(os.Args) > 1 {
		if command, ok := commands[os.Args[1]]; ok && len(os.Args) == 2+command.arguments {
			if err := command.run(os.Args[2:]); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			return
		}
	}
	fmt.Fprintln(os.Stderr, "usage: log-oracle fsck DIR VKEY | note FILE VKEY | proof FILE RECORD-FILE POLICY-FILE | consistency DIR OLDER NEWER | vectors SIZE,SIZE,…")
	os.Exit(2)
}

// check judges a whole directory with Tessera's fsck, which panics when a bundle has fewer records than it should.
func check(args []string) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("fsck: %v", panicked)
		}
	}()
	verifier, err := note.NewVerifier(args[1])
	if err != nil {
		return err
	}
	hashes := func(bytes []byte) ([][]byte, error) {
		bundle := &api.EntryBundle{}
		if err := bundle.UnmarshalText(bytes); err != nil {
			return nil, err
		}
		leaves := make([][]byte, 0, len(bundle.Entries))
		for _, entry := range bundle.Entries {
			leaves = append(leaves, rfc6962.DefaultHasher.HashLeaf(entry))
		}
		return leaves, nil
	}
	fetcher := &client.FileFetcher{Root: args[0]}
	return fsck.New(verifier.Name(), verifier, fetcher, hashes, fsck.Opts{N: 4}).Check(context.Background())
}

// open judges the signature of a checkpoint file.
func open(args []string) error {
	bytes, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(args[1])
	if err != nil {
		return err
	}
	opened, err := note.Open(bytes, note.VerifierList(verifier))
	if err != nil {
		return err
	}
	checkpoint, err := torchwood.ParseCheckpoint(opened.Text)
	if err == nil && checkpoint.Origin != verifier.Name() {
		err = fmt.Errorf("origin %s", checkpoint.Origin)
	}
	return err
}

// proof judges a tlog-proof file under a tlog-policy file.
func proof(args []string) error {
	var files [3][]byte
	for i, name := range args {
		bytes, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		files[i] = bytes
	}
	policy, err := torchwood.ParsePolicy(files[2])
	if err != nil {
		return err
	}
	return torchwood.VerifyProof(policy, tlog.RecordHash(files[1]), files[0])
}

// directory reads tiles as golang.org/x/mod wants them.
type directory string

func (directory) Height() int                         { return torchwood.TileHeight }
func (directory) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (d directory) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range tiles {
		bytes, err := os.ReadFile(string(d) + "/" + torchwood.TilePath(tile))
		if err != nil {
			full := tile
			full.W = 1 << torchwood.TileHeight
			if bytes, err = os.ReadFile(string(d) + "/" + torchwood.TilePath(full)); err != nil {
				return nil, err
			}
			bytes = bytes[:tile.W*tlog.HashSize]
		}
		data = append(data, bytes)
	}
	return data, nil
}

// consistency judges, out of the tiles of a directory, that the newer checkpoint file continues the older one.
func consistency(args []string) error {
	var trees [2]tlog.Tree
	for i, name := range args[1:] {
		bytes, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		text, _, _ := strings.Cut(string(bytes), "\n\n")
		checkpoint, err := torchwood.ParseCheckpoint(text + "\n")
		if err != nil {
			return err
		}
		trees[i] = checkpoint.Tree
	}
	older, newer := trees[0], trees[1]
	path, err := tlog.ProveTree(newer.N, older.N, tlog.TileHashReader(newer, directory(args[0])))
	if err != nil {
		return err
	}
	return tlog.CheckTree(path, newer.N, newer.Hash, older.N, older.Hash)
}

type hashes []tlog.Hash

func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var read []tlog.Hash
	for _, index := range indexes {
		read = append(read, h[index])
	}
	return read, nil
}

func encoded(path []tlog.Hash) []string {
	lines := []string{}
	for _, hash := range path {
		lines = append(lines, base64.StdEncoding.EncodeToString(hash[:]))
	}
	return lines
}

type vector struct {
	Size    int64               `json:"size"`
	Root    string              `json:"root"`
	Records map[string][]string `json:"records"`
	Trees   map[string][]string `json:"trees"`
	Tiles   []string            `json:"tiles"`
}

// vectors prints roots, proofs and tile paths of trees of the records "record 0", "record 1" and so on.
func vectors(args []string) error {
	var sizes []int64
	for _, text := range strings.Split(args[0], ",") {
		size, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return err
		}
		sizes = append(sizes, size)
	}
	var stored hashes
	var all []vector
	for size := int64(0); len(sizes) > 0; size++ {
		if size == sizes[0] {
			one, err := vectorOf(size, stored)
			if err != nil {
				return err
			}
			all = append(all, one)
			sizes = sizes[1:]
		}
		more, err := tlog.StoredHashes(size, []byte(fmt.Sprintf("record %d", size)), stored)
		if err != nil {
			return err
		}
		stored = append(stored, more...)
	}
	return json.NewEncoder(os.Stdout).Encode(all)
}

func vectorOf(size int64, stored hashes) (vector, error) {
	root, err := tlog.TreeHash(size, stored)
	if err != nil {
		return vector{}, err
	}
	one := vector{size, root.String(), map[string][]string{}, map[string][]string{}, []string{}}
	for _, at := range []int64{0, 1, size / 3, size / 2, size - 2, size - 1} {
		if at < 0 || at >= size {
			continue
		}
		record, err := tlog.ProveRecord(size, at, stored)
		if err != nil {
			return vector{}, err
		}
		one.Records[strconv.FormatInt(at, 10)] = encoded(record)
		tree, err := tlog.ProveTree(size, at+1, stored)
		if err != nil {
			return vector{}, err
		}
		one.Trees[strconv.FormatInt(at+1, 10)] = encoded(tree)
	}
	for _, tile := range tlog.NewTiles(torchwood.TileHeight, 0, size) {
		one.Tiles = append(one.Tiles, torchwood.TilePath(tile))
	}
	return one, nil
}
