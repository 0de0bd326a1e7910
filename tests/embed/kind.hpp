// Which models a test plays: nets of streams, with -DNET nets of words, with -DMARKOV Markov models of words.
#ifndef KIND_HPP
#define KIND_HPP

#include "antiphon.hpp"

#ifdef MARKOV
using Tables = antiphon::NGrams;
using Played = antiphon::MarkovModel;
using Saved = antiphon::MarkovModel::Snapshot;
#elif defined NET
using Tables = antiphon::WordWeights;
using Played = antiphon::NetModel;
using Saved = antiphon::NetModel::Snapshot;
#else
using Tables = antiphon::Weights;
using Played = antiphon::Model;
using Saved = antiphon::Snapshot;
#endif

#endif
