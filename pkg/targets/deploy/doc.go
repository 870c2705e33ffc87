// Package deploy brings workers to hosts that run containers: it makes an image of this program, and
// writes manifests that start workers of a job from that image.
//
// # Basics
//
//	program, remove, err := deploy.Program(ctx)
//	made, err := deploy.Image{Program: program, Authorities: deploy.Authorities()}.Make(ctx, "docker", "wordcount")
//
//	w := deploy.Workers{Job: id, N: 6, Image: "wordcount", Inputs: inputs, Folders: folders, …}
//	err = w.Write(os.Stdout, deploy.Kubernetes)
//
//	program.go  a static program: this one, or one that Mage compiles
//	image.go    the image: the program, certificates, and a folder to work in
//	workers.go  which workers a manifest starts, and what they are told
//	blocks.go   the parts of a manifest that differ from job to job
//	kubernetes.yaml, compose.yaml  the manifests
//
// # Caveats
//
// No registry is needed to make an image, because it is made of nothing but files of this machine.
// Hosts that have another engine get it by way of a registry, or of docker save and docker load.
//
// A manifest holds no secret. It names where the secrets are: the keys of a Kubernetes Secret, or
// variables of the environment in which compose runs.
//
// Tasks name files by absolute paths, so a folder has the same path in a container as outside. The
// map outputs are for one user alone, so the workers are the user who runs the job.
package deploy
